package extractive
import ("testing";"fmt";"countersign/notegen/drafttest";"countersign/review")
func TestZZ(t *testing.T){
 d,p:=review.RoleClinician, review.RolePatient
 _=p
 for _,c:=range [][]drafttest.Line{
 {{Role:d,Text:"Any chest pain or shortness of breath?"},{Role:p,Text:"No chest pain. A little short of breath on stairs."},{Role:d,Text:"Let me take a look at you."},{Role:p,Text:"okay"}},
 {{Role:d,Text:"Do you have any allergies?"},{Role:p,Text:"No."},{Role:d,Text:"Okay."},{Role:p,Text:"Just penicillin."}},
 {{Role:p,Text:"My knee hurts."},{Role:d,Text:"Okay, let me examine you. Your lungs have crackles on the right."},{Role:p,Text:"Okay."},{Role:d,Text:"Your heart is regular with no murmur."}},
 }{
 dr:=newDrafter(t)
 cv:=conversation(c...)
 turns:=dr.turns(cv.Transcript); dr.repair(turns)
 bs:=dr.blocks(turns,dr.units(turns)); dr.assign(bs)
 n:=newNote(dr,cv,turns,bs)
 for i:=range bs { b:=&bs[i]; k:=0; s,l:=n.write(b,&k); fmt.Printf("%c %q must=%v pol=%d label=%c keep=%.2f -> %q %c\n",b.typ,b.words,b.must,b.pol,b.label,b.keep,s,l)}
 }
}
