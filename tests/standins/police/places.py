"""Whose land it is: real places with their police force, of which the nearest answers for a point."""

import re

import numpy as np

EARTH_RADIUS_KM = 6_371.0
FARTHEST_KM = 30.0
"""A point that is farther from every place lies in the sea, or abroad."""

# Latitude and longitude in degrees. Those of `none` lie outside of every force.
PLACES = """
avon-and-somerset: Bristol 51.454 -2.588; Bath 51.381 -2.359; Taunton 51.015 -3.106; Yeovil 50.942 -2.633;
  Weston-super-Mare 51.346 -2.977; Minehead 51.204 -3.481; Wells 51.209 -2.648
bedfordshire: Bedford 52.136 -0.467; Luton 51.879 -0.420; Leighton Buzzard 51.916 -0.661
cambridgeshire: Cambridge 52.205 0.122; Peterborough 52.570 -0.240; Huntingdon 52.331 -0.183; Wisbech 52.666 0.160
cheshire: Chester 53.191 -2.892; Warrington 53.390 -2.597; Crewe 53.099 -2.441; Macclesfield 53.259 -2.127; Runcorn
  53.341 -2.731; Northwich 53.259 -2.518; Ellesmere Port 53.279 -2.897; Knutsford 53.302 -2.372; Wilmslow 53.327
  -2.231
city-of-london: Guildhall 51.5155 -0.0920; Barbican 51.5202 -0.0955; Monument 51.5101 -0.0865
cleveland: Middlesbrough 54.576 -1.235; Hartlepool 54.686 -1.212; Stockton 54.570 -1.319; Redcar 54.616 -1.060
cumbria: Carlisle 54.893 -2.933; Barrow 54.111 -3.226; Kendal 54.328 -2.747; Workington 54.643 -3.547; Penrith
  54.664 -2.757; Keswick 54.601 -3.135
derbyshire: Derby 52.922 -1.476; Chesterfield 53.235 -1.421; Buxton 53.259 -1.914; Glossop 53.443 -1.949; Matlock
  53.138 -1.556; Ilkeston 52.970 -1.310; Swadlincote 52.774 -1.557
devon-and-cornwall: Exeter 50.725 -3.527; Plymouth 50.371 -4.142; Torquay 50.462 -3.525; Barnstaple 51.080 -4.058;
  Truro 50.263 -5.051; Penzance 50.119 -5.537; Bodmin 50.467 -4.718; Bude 50.830 -4.543; Okehampton 50.739 -4.004
dorset: Bournemouth 50.721 -1.879; Poole 50.715 -1.987; Dorchester 50.715 -2.437; Weymouth 50.614 -2.457;
  Christchurch 50.735 -1.779; Shaftesbury 51.005 -2.198; Ferndown 50.802 -1.890
durham: Durham 54.777 -1.576; Darlington 54.524 -1.553; Consett 54.852 -1.832; Barnard Castle 54.543 -1.920;
  Peterlee 54.759 -1.337
dyfed-powys: Carmarthen 51.857 -4.312; Haverfordwest 51.802 -4.970; Fishguard 51.994 -4.975; Aberystwyth 52.415
  -4.083; Lampeter 52.113 -4.078; Llanelli 51.681 -4.163; Newtown 52.513 -3.314; Welshpool 52.660 -3.147; Brecon
  51.947 -3.391; Llandrindod Wells 52.242 -3.378; Cardigan 52.083 -4.661; Machynlleth 52.591 -3.851; Llandovery
  51.995 -3.797; Ystradgynlais 51.781 -3.751
essex: Chelmsford 51.736 0.469; Colchester 51.890 0.900; Southend 51.538 0.711; Basildon 51.576 0.489; Harlow 51.772
  0.102; Clacton 51.789 1.153; Grays 51.476 0.323
gloucestershire: Gloucester 51.865 -2.244; Cheltenham 51.899 -2.078; Stroud 51.745 -2.217; Cirencester 51.718
  -1.968; Lydney 51.725 -2.531
greater-manchester: Bolton 53.578 -2.429; Bury 53.593 -2.298; Manchester 53.480 -2.243; Oldham 53.541 -2.118;
  Rochdale 53.614 -2.161; Salford 53.487 -2.290; Stockport 53.408 -2.150; Tameside 53.490 -2.094; Trafford 53.446
  -2.308; Wigan 53.545 -2.632; Altrincham 53.387 -2.349
gwent: Newport 51.584 -2.998; Cwmbran 51.654 -3.022; Abergavenny 51.824 -3.017; Chepstow 51.642 -2.675; Ebbw Vale
  51.778 -3.206; Caerphilly 51.574 -3.218
hampshire: Southampton 50.905 -1.404; Portsmouth 50.806 -1.087; Winchester 51.060 -1.310; Basingstoke 51.266 -1.087;
  Andover 51.208 -1.480; Newport (Wight) 50.701 -1.291; Ringwood 50.846 -1.789; Lymington 50.759 -1.544; Romsey
  50.989 -1.497; Petersfield 51.004 -0.938; Farnborough 51.294 -0.756; Totton 50.919 -1.490; Hythe 50.869 -1.399
hertfordshire: Hertford 51.796 -0.078; Watford 51.656 -0.396; Stevenage 51.902 -0.202; St Albans 51.752 -0.339;
  Hemel Hempstead 51.753 -0.475
humberside: Hull 53.745 -0.336; Grimsby 53.567 -0.081; Scunthorpe 53.589 -0.654; Bridlington 54.085 -0.192; Goole
  53.703 -0.873
kent: Maidstone 51.272 0.529; Canterbury 51.280 1.080; Dover 51.127 1.313; Dartford 51.446 0.217; Chatham 51.381
  0.528; Ashford 51.146 0.873; Margate 51.389 1.387; Tunbridge Wells 51.132 0.263
lancashire: Preston 53.763 -2.703; Blackpool 53.817 -3.036; Blackburn 53.748 -2.482; Burnley 53.789 -2.248;
  Lancaster 54.047 -2.801; Chorley 53.653 -2.632; Skelmersdale 53.550 -2.776; Rawtenstall 53.700 -2.288; Ormskirk
  53.567 -2.887
leicestershire: Leicester 52.637 -1.140; Loughborough 52.772 -1.206; Hinckley 52.541 -1.373; Melton Mowbray 52.765
  -0.887; Oakham 52.670 -0.728
lincolnshire: Lincoln 53.231 -0.541; Boston 52.979 -0.026; Grantham 52.912 -0.641; Skegness 53.144 0.336; Louth
  53.367 -0.006; Spalding 52.787 -0.153
merseyside: Liverpool 53.408 -2.991; Birkenhead 53.393 -3.014; Bootle 53.448 -2.989; Huyton 53.411 -2.840; St Helens
  53.454 -2.737; Southport 53.648 -3.007; Formby 53.554 -3.068; Wallasey 53.424 -3.065; Heswall 53.327 -3.099;
  Maghull 53.516 -2.942; Speke 53.344 -2.851
metropolitan: Westminster 51.497 -0.137; Camden 51.539 -0.143; Islington 51.536 -0.103; Shoreditch 51.526 -0.078;
  Whitechapel 51.516 -0.064; Southwark 51.503 -0.095; Croydon 51.376 -0.098; Barnet 51.653 -0.200; Enfield 51.652
  -0.081; Romford 51.577 0.179; Bromley 51.406 0.015; Kingston 51.412 -0.300; Hounslow 51.468 -0.361; Uxbridge
  51.546 -0.479; Stratford 51.542 -0.003
norfolk: Norwich 52.628 1.299; King's Lynn 52.752 0.402; Great Yarmouth 52.608 1.729; Thetford 52.413 0.752; Cromer
  52.931 1.302
north-wales: Wrexham 53.046 -2.993; Rhyl 53.319 -3.491; Bangor 53.228 -4.129; Holyhead 53.309 -4.633; Caernarfon
  53.139 -4.273; Dolgellau 52.743 -3.886; Mold 53.167 -3.142; Bala 52.911 -3.596
north-yorkshire: York 53.960 -1.087; Scarborough 54.283 -0.400; Harrogate 53.992 -1.541; Northallerton 54.339
  -1.434; Skipton 53.963 -2.016; Whitby 54.486 -0.614; Selby 53.784 -1.067
northamptonshire: Northampton 52.240 -0.903; Kettering 52.398 -0.726; Corby 52.488 -0.700; Daventry 52.257 -1.161
northern-ireland: Belfast 54.597 -5.930; Derry 54.997 -7.309; Newry 54.175 -6.340; Omagh 54.600 -7.298; Enniskillen
  54.344 -7.638; Ballymena 54.864 -6.276; Coleraine 55.133 -6.664; Armagh 54.350 -6.653; Bangor 54.660 -5.669;
  Downpatrick 54.328 -5.716; Cookstown 54.647 -6.745; Strabane 54.827 -7.463
northumbria: Newcastle 54.978 -1.618; Sunderland 54.906 -1.381; Gateshead 54.953 -1.603; Morpeth 55.168 -1.691;
  Alnwick 55.413 -1.706; Hexham 54.971 -2.101; Berwick 55.770 -2.005
nottinghamshire: Nottingham 52.955 -1.149; Mansfield 53.146 -1.199; Worksop 53.302 -1.125; Newark 53.077 -0.808
south-wales: Cardiff 51.482 -3.179; Swansea 51.621 -3.944; Merthyr Tydfil 51.746 -3.380; Bridgend 51.505 -3.577;
  Neath 51.663 -3.804; Pontypridd 51.602 -3.343; Barry 51.405 -3.270; Gower 51.590 -4.180
south-yorkshire: Sheffield 53.381 -1.470; Doncaster 53.523 -1.134; Rotherham 53.430 -1.357; Barnsley 53.553 -1.483
staffordshire: Stoke 53.003 -2.179; Stafford 52.807 -2.117; Cannock 52.691 -2.030; Burton 52.802 -1.637; Lichfield
  52.682 -1.826; Tamworth 52.634 -1.691; Leek 53.108 -2.026; Uttoxeter 52.898 -1.866
suffolk: Ipswich 52.057 1.148; Bury St Edmunds 52.246 0.711; Lowestoft 52.475 1.752; Sudbury 52.040 0.731;
  Mildenhall 52.344 0.508
surrey: Guildford 51.236 -0.571; Woking 51.319 -0.558; Epsom 51.334 -0.268; Reigate 51.237 -0.205; Camberley 51.335
  -0.742; Farnham 51.214 -0.799
sussex: Brighton 50.822 -0.137; Crawley 51.109 -0.187; Hastings 50.854 0.573; Eastbourne 50.768 0.284; Chichester
  50.837 -0.780; Horsham 51.063 -0.326; Worthing 50.814 -0.371
thames-valley: Oxford 51.752 -1.258; Reading 51.454 -0.973; Milton Keynes 52.042 -0.759; Slough 51.511 -0.595;
  Aylesbury 51.816 -0.812; Banbury 52.063 -1.340; High Wycombe 51.629 -0.748; Newbury 51.401 -1.323
warwickshire: Warwick 52.282 -1.585; Leamington 52.292 -1.536; Nuneaton 52.523 -1.468; Rugby 52.371 -1.265;
  Stratford 52.192 -1.708
west-mercia: Worcester 52.193 -2.221; Hereford 52.056 -2.715; Shrewsbury 52.708 -2.754; Telford 52.677 -2.447;
  Kidderminster 52.388 -2.250; Ludlow 52.368 -2.718; Oswestry 52.857 -3.055; Redditch 52.307 -1.945; Whitchurch
  52.969 -2.682; Newport 52.769 -2.379
west-midlands: Birmingham 52.480 -1.898; Coventry 52.408 -1.511; Wolverhampton 52.587 -2.129; Walsall 52.586 -1.982;
  Dudley 52.512 -2.081; Solihull 52.413 -1.778
west-yorkshire: Leeds 53.801 -1.549; Bradford 53.795 -1.759; Huddersfield 53.646 -1.785; Wakefield 53.683 -1.506;
  Halifax 53.727 -1.858; Todmorden 53.713 -2.097
wiltshire: Swindon 51.558 -1.781; Salisbury 51.069 -1.795; Trowbridge 51.320 -2.208; Chippenham 51.459 -2.116;
  Marlborough 51.420 -1.729
none: Gretna 55.000 -3.067; Dumfries 55.070 -3.605; Stranraer 54.904 -5.027; Newcastleton 55.179 -2.812; Kelso
  55.598 -2.434; Coldstream 55.651 -2.254; Eyemouth 55.871 -2.092; Edinburgh 55.953 -3.188; Glasgow 55.864 -4.252;
  Douglas 54.152 -4.486; Dundalk 54.004 -6.405; Monaghan 54.249 -6.971; Letterkenny 54.950 -7.734; Cavan 53.991
  -7.361; Sligo 54.270 -8.477; off Liverpool 53.480 -3.300; the Lizard 49.850 -5.300; Brighton 50.650 -0.150; the
  Humber 53.600 0.350
"""
_PLACE = re.compile(r"([^;:]+) (-?\d+\.\d+) (-?\d+\.\d+)(?:;|$)")
_FORCE = re.compile(r"^([a-z-]+):(.*(?:\n  .*)*)", re.MULTILINE)


def _read() -> tuple[list[str], list[tuple[float, float]]]:
    found = [
        (force, (float(lat), float(lng)))
        for force, places in _FORCE.findall(PLACES)
        for _, lat, lng in _PLACE.findall(re.sub(r"\s+", " ", places))
    ]
    return [force for force, _ in found], [point for _, point in found]


_FORCES, _DEGREES = _read()
_POINTS = np.radians(_DEGREES)


def force_at(lat: float, lng: float) -> str | None:
    """The force whose place is nearest to the point; none in the sea and abroad. Degrees; haversine, R = 6371.0 km."""
    here = np.radians([lat, lng])
    half = (_POINTS - here) / 2
    chord = np.sin(half[:, 0]) ** 2 + np.cos(here[0]) * np.cos(_POINTS[:, 0]) * np.sin(half[:, 1]) ** 2
    distances_km = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(chord))
    nearest = int(distances_km.argmin())
    is_abroad = distances_km[nearest] > FARTHEST_KM or _FORCES[nearest] == "none"
    return None if is_abroad else _FORCES[nearest]
